package word_test

import (
	"testing"
	"testing/fstest"

	"clickcommerce.com/site/internal/word"
)

func TestSay(t *testing.T) {
	say := word.Read(fstest.MapFS{
		"content/words/test.yaml": {Data: []byte("plain: It is done.\nfilled: '{name} has {count}, and {other} none.'\n")},
	}, "test")
	for _, tt := range []struct{ got, want string }{
		{say("plain"), "It is done."},
		{say("filled", "name", "{count}", "count", 2), "{count} has 2, and {other} none."},
		{say("done_" + "never"), ""},
	} {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}

func TestMissingFileIsFoundAtStart(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a room without its file of words starts")
		}
	}()
	word.Read(fstest.MapFS{}, "test")
}
