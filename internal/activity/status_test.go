package activity_test

import (
	"testing"

	"clickcommerce.com/site/internal/activity"
)

func TestSign(t *testing.T) {
	t.Parallel()
	moves := []activity.Move{{To: "closed"}}
	for want, s := range map[string]activity.Status{
		"new":       {Value: "new", Moves: moves},
		"done":      {Value: "new"},
		"waiting":   {Value: "new", Waits: true},
		"confirmed": {Value: "confirmed", Final: true},
	} {
		if got := s.Sign(); got != want {
			t.Errorf("%+v is drawn as %q, want %q", s, got, want)
		}
	}
}
