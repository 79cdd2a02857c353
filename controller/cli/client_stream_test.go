package cli

import (
	"io"
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/controller/rollout"
)

// TestReadLine: a step's status is a word, a problem's a number.
func TestReadLine(t *testing.T) {
	for _, tt := range []struct {
		text string
		some bool
		want string // of the error
	}{
		{`{"type":"event","sequence":7,"event":"step","status":"doing"}`, true, ""},
		{"", false, ""},
		{`{"type":"problem","status":503,"detail":"the daemon is ending"}`, false, "the daemon is ending"},
		{`{"type":`, false, "cannot read the daemon's answer"},
	} {
		l, some, err := readLine[eventLine](tt.text+"\n", nil)
		if some != tt.some || (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q is read as %+v, %v, %v", tt.text, l, some, err)
		}
		if some && (l.Sequence != 7 || l.Status != rollout.Doing) {
			t.Errorf("%q is read as %+v", tt.text, l)
		}
	}
	if _, some, err := readLine[eventLine]("", io.ErrUnexpectedEOF); some || err == nil {
		t.Error("a stream that breaks off is no error")
	}
}
