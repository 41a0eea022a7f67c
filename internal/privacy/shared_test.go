package privacy

import "testing"

// TestShared tells addresses that may be several people's from those of one.
func TestShared(t *testing.T) {
	ada := []string{"Ada Lovelace", "lovelace, ada", "Dr. Ada King Lovelace"}
	for _, tt := range []struct {
		email string
		names []string
		want  string
	}{
		{"ada@example.com", ada, ""},
		{"salesman@example.com", ada, ""},
		{"ada.lovelace2@example.com", nil, ""},
		{"ada@example.com", append(ada, "Bob Carter"), "names"},
		{"info@example.com", ada, "role"},
		{"Sales-US@example.com", ada, "role"},
		{"info2.chicago@example.com", nil, "role"},
		{"team1@example.com", nil, "role"},
		{"anna.press@example.com", nil, ""},
		{"no-reply@example.com", nil, "role"},
		{"press+ada@example.com", ada, "role"},
	} {
		if got := shared(tt.email, tt.names); got != tt.want {
			t.Errorf("%s, %q: %q, not %q", tt.email, tt.names, got, tt.want)
		}
	}
}
