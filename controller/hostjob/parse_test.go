package hostjob

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

func TestParseFrame(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     frame
		err      string
	}{
		{name: "news", in: "aptfleet-job running 5 3 4 2 0\nabcde", want: frame{state: running, log: []byte("abc"), status: []byte("de"), logSize: 5, statusSize: 4, result: []byte{}}},
		{name: "after a greeting", in: "Hello\naptfleet-job died 0 0 0 0 0\n", want: frame{state: died, log: []byte{}, status: []byte{}, result: []byte{}}},
		{name: "within a line", in: "Hello aptfleet-job died 0 0 0 0 0\n", err: "begins with"},
		{name: "empty", in: "", err: "begins with"},
		{name: "cut", in: "aptfleet-job running 5 3 4 2 0\nabcd", err: "4 bytes follow"},
		{name: "too long", in: "aptfleet-job running 5 3 4 2 0\nabcdef", err: "6 bytes follow"},
		{name: "header cut", in: "aptfleet-job running 5 3", err: "begins with"},
		{name: "few words", in: "aptfleet-job running 5 3\n", err: "want 7 words"},
		{name: "no number", in: "aptfleet-job running x 0 0 0 0\n", err: `"x" is no size`},
		{name: "negative", in: "aptfleet-job running 0 -1 0 0 0\n", err: `"-1" is no size`},
		{name: "huge", in: "aptfleet-job running 0 9223372036854775807 0 9223372036854775807 2\n", err: "0 bytes follow"},
		{name: "state", in: "aptfleet-job fine 0 0 0 0 0\n", err: "unknown state"},
	} {
		got, err := parseFrame([]byte(tt.in))
		if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: parseFrame returned %v, want %q", tt.name, err, tt.err)
		} else if err == nil && !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: parseFrame returned %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

func TestTracker(t *testing.T) {
	var tr tracker
	lines := strings.Join([]string{
		"aptfleet:phase:refresh",
		"dlstatus:1:50.0000:Retrieving file 1 of 1",
		"aptfleet:phase:install",
		"dlstatus:1:100.0000:Retrieving file 1 of 1",
		"dlstatus:2:20.0000:Retrieving file 2 of 2",
		"pmstatus:dpkg-exec:0.0000:Running dpkg",
		"a maintainer script's own line",
		"aptfleet:note:our source alone: not enough",
		"pmstatus:libapp:i386:60.0000:Configuring libapp (i386)",
		"pmerror:libapp:60.0000:no",
		"",
	}, "\n")
	for i := range len(lines) { // however it is cut
		tr.status([]byte(lines[i : i+1]))
	}
	want := Progress{Phase: "install", Percent: 40 + 59*0.6, Package: "libapp:i386", Text: "Configuring libapp (i386)"}
	if tr.now != want || len(tr.notes) != 1 || tr.notes[0] != "our source alone: not enough" {
		t.Errorf("the tracker has %+v and %q, want %+v", tr.now, tr.notes, want)
	}
}

func TestTrackerSaid(t *testing.T) {
	var tr tracker
	for _, tt := range []struct{ log, want string }{
		{"Setting up shop (1.0) ...\r\n", ""},
		{"Setting up shop (1.0) ...\r\nWhich database?\r\n\r\n", "Which database?"},
		{"one\nPassword: ", "Password:"},
		{"(Reading 5%\r(Reading 100%\rdone\x1b[0m", "done [0m"},
		{"done\nUnpacking shop ...\n", ""},
		{"", ""},
	} {
		if tr.log([]byte(tt.log)); tr.now.Said != tt.want {
			t.Errorf("after %q it is %q, want %q", tt.log, tr.now.Said, tt.want)
		}
	}
}

func TestParseResultRefuses(t *testing.T) {
	for _, text := range []string{"", "exit 0\n", "exit x\nend\n", "exit 0\nafter app|ii\nend\n", "exit 0\ncandidate app\nend\n", "exit 0\nwhat\nend\n"} {
		if r, err := parseResult([]byte(text)); err == nil {
			t.Errorf("parseResult takes %q for %+v", text, r)
		}
	}
}

// TestTail holds that the end of a long log is kept, and no more of it.
func TestTail(t *testing.T) {
	var tl tail
	line := bytes.Repeat([]byte("x"), 99)
	for range 10000 {
		tl.write(append(line, '\n'))
	}
	tl.write([]byte("E: the end\n"))
	if !bytes.HasSuffix(tl.bytes(), []byte("x\nE: the end\n")) || len(tl.bytes()) > 2*maxTail+100 {
		t.Errorf("the tail has %d bytes and ends with %q", len(tl.bytes()), tl.end())
	}
	if want := string(line) + "\nE: the end\n"; string(tl.end()) != want {
		t.Errorf("its last two lines are %q", tl.end())
	}
}

func FuzzParseFrame(f *testing.F) {
	f.Add([]byte("aptfleet-job running 5 3 4 2 0\nabcde"))
	f.Add([]byte("aptfleet-job ended 0 0 0 0 18\nexit 0\nleft x\nend\n"))
	f.Add([]byte("aptfleet-job refused leased 17 alice\n"))
	f.Add([]byte("aptfleet-job refused failed cannot write\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		fr, err := parseFrame(in)
		if err != nil {
			return
		}
		if fr.state == refused && fr.refusal == nil {
			t.Error("a refusal without a reason")
		}
		if n := len(fr.log) + len(fr.status) + len(fr.result); n >= len(in) {
			t.Errorf("%d bytes out of %d", n, len(in))
		}
	})
}

func FuzzParseResult(f *testing.F) {
	f.Add([]byte("exit 100\nstale\ncandidate app 2.0\noffered app\nbefore app|ii |1.0\nafter app|iHR|2.0\nsame lib:amd64|iF |1\nleft app\naudit x\nend\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		r, err := parseResult(in)
		if err != nil {
			return
		}
		o := judge(spec, r, in)
		if name, now := r.find(r.after, "app"); o.Verdict == Done && (now.version != "1.0" || now.damage() != "") {
			t.Errorf("done with %s as %+v", name, now)
		}
	})
}

func FuzzStatus(f *testing.F) {
	f.Add([]byte("dlstatus:1:50.0:Retrieving\npmstatus:lib:i386:1.5:x\naptfleet:phase:x\naptfleet:note::\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		var tr tracker
		tr.status(in)
		tr.log(in)
		if !(tr.now.Percent >= 0 && tr.now.Percent <= 100) {
			t.Errorf("%v percent", tr.now.Percent)
		}
		if len(tr.rest) > 4096 {
			t.Errorf("keeps %d bytes", len(tr.rest))
		}
	})
}

func FuzzFindCause(f *testing.F) {
	f.Add([]byte("Setting up app (1.0) ...\r\nno\r\ndpkg: error processing package app (--configure):\r\n installed app package post-installation script subprocess returned error exit status 3\r\nE: x\n"))
	f.Add([]byte("dpkg: error processing archive /x/.deb (--unpack):"))
	f.Add([]byte("E: Could not get lock x. It is held by process 1 (y)\nE: lock\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		c := findCause(in, spec.Packages)
		if len(c.Output) > maxOutput || strings.ContainsAny(c.String(), "\n\r\x1b") {
			t.Errorf("the cause is %q", c)
		}
	})
}
