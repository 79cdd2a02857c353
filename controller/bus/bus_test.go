package bus

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func open(t testing.TB, state string) *Bus {
	t.Helper()
	b, err := Open(t.Context(), Options{State: state, Command: "aptfleet rollout shop-web\n--to web"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() }) // a test that closes it looks at the error
	return b
}

func message(data string) *nats.Msg {
	return &nats.Msg{Subject: "j.R1.res", Data: []byte(data), Header: nats.Header{}}
}

func count(t *testing.T, b *Bus) uint64 {
	t.Helper()
	s, err := b.JetStream().Stream(t.Context(), Journal)
	if err != nil {
		t.Fatal(err)
	}
	return s.CachedInfo().State.Msgs
}

// TestReadersLeaveNothing: who has read a stream keeps no place in it.
func TestReadersLeaveNothing(t *testing.T) {
	b := open(t, t.TempDir())
	defer b.Close()
	if _, err := b.PublishAll(t.Context(), message("x")); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		for _, err := range b.Present(t.Context(), Journal, "j.>") {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	awaits(t, "no reader is left", func() bool {
		info, err := b.Info(t.Context(), Journal, "j.>")
		return err == nil && info.State.Consumers == 0
	})
}

// streamFolder returns where a stream lies in a state folder.
func streamFolder(t *testing.T, state, stream string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(state, "bus", "jetstream", "*", "streams", stream))
	if err != nil || len(found) != 1 {
		t.Fatalf("stream %s is in %q, %v", stream, found, err)
	}
	return found[0]
}

func TestClosedAndOpenedAgain(t *testing.T) {
	state := filepath.Join(t.TempDir(), "new", "state")
	for i := range 3 {
		b := open(t, state)
		if n := count(t, b); n != uint64(i) {
			t.Errorf("%d messages after opening, want %d", n, i)
		}
		if _, err := b.PublishAll(t.Context(), message("x")); err != nil {
			t.Fatal(err)
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSyncAlways guards the one option on which everything depends.
func TestSyncAlways(t *testing.T) {
	b := open(t, t.TempDir())
	if o, err := b.secrets.embedded(t.TempDir()); err != nil || !o.SyncAlways || !o.DontListen {
		t.Errorf("the embedded server must sync always and listen nowhere: %v", err)
	}
	s, err := b.JetStream().Stream(t.Context(), Journal)
	if err != nil {
		t.Fatal(err)
	}
	if mode := s.CachedInfo().Config.PersistMode; mode != jetstream.DefaultPersistMode {
		t.Errorf("the journal is kept with mode %s", mode)
	}
	if addr := b.server.Addr(); addr != nil {
		t.Errorf("the server listens at %s", addr)
	}
}

func TestPublishAll(t *testing.T) {
	b := open(t, t.TempDir())
	many := make([]*nats.Msg, MaxBatch)
	for i := range many {
		many[i] = message(fmt.Sprint(i))
	}
	Expect(many[0], "j.R1.ctl", 0)
	if seq, err := b.PublishAll(t.Context(), many...); err != nil || seq != MaxBatch {
		t.Fatalf("a batch returned %d, %v", seq, err)
	}
	conflict := []*nats.Msg{message("a"), message("b")}
	Expect(conflict[0], "j.R1.ctl", 7)
	if _, err := b.PublishAll(t.Context(), conflict...); !errors.Is(err, ErrConflict) {
		t.Errorf("a batch that expects something else returned %v", err)
	}
	for range 2 {
		if seq, err := b.PublishAll(t.Context(), NewMessage("j.R1.ctl", "1", []byte("x"))); err != nil || seq != MaxBatch+1 {
			t.Errorf("a message that is published twice returned %d, %v", seq, err)
		}
	}
	second := NewMessage("j.R1.ctl", "2", []byte("y"))
	Expect(second, "j.R1.ctl", 0)
	if _, err := b.PublishAll(t.Context(), second); !errors.Is(err, ErrConflict) {
		t.Errorf("a second first message returned %v", err)
	}
	if n := count(t, b); n != MaxBatch+1 {
		t.Errorf("%d messages are stored, want %d", n, MaxBatch+1)
	}
}

func TestLockedInThisProcess(t *testing.T) {
	state := t.TempDir()
	b := open(t, state)
	_, err := Open(t.Context(), Options{State: state})
	var locked *LockedError
	if !errors.As(err, &locked) || locked.PID != os.Getpid() {
		t.Fatalf("a second Open returned %v", err)
	}
	want := fmt.Sprintf("cannot use state folder %s: process %d has it (aptfleet rollout shop-web --to web)", state, os.Getpid())
	if err.Error() != want {
		t.Errorf("the error is %q, want %q", err, want)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, state)
}

// TestLockGoesWithTheProcess lets a child hold the folder and kills it.
func TestLockGoesWithTheProcess(t *testing.T) {
	if state := os.Getenv("APTFLEET_TEST_HOLD"); state != "" {
		open(t, state)
		fmt.Println("held")
		select {}
	}
	state := t.TempDir()
	child := exec.Command(os.Args[0], "-test.run=^TestLockGoesWithTheProcess$")
	child.Env = append(os.Environ(), "APTFLEET_TEST_HOLD="+state)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "held\n" {
		t.Errorf("the child said %q, %v", line, err)
	}
	_, err = Open(t.Context(), Options{State: state})
	var locked *LockedError
	if !errors.As(err, &locked) || locked.PID != child.Process.Pid {
		t.Errorf("while the child lives, Open returned %v", err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // it was killed
	open(t, state)
}

// TestStateFolderModes: a web server can pass through to the repository, and reads
// nothing of the bus.
func TestStateFolderModes(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077)) // no test runs beside this one
	state := filepath.Join(t.TempDir(), "lib", "aptfleet")
	open(t, state)
	for name, want := range map[string]fs.FileMode{".": 0o711, "bus": 0o700, "lock": 0o600} {
		info, err := os.Stat(filepath.Join(state, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has the mode %v, want %v", name, got, want)
		}
	}
}

func TestStateFolderErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, state := range []string{file, filepath.Join(file, "below")} {
		if _, err := Open(t.Context(), Options{State: state}); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("Open(%s) returned %v", state, err)
		}
	}
}

// TestStateOfOthers opens, as nobody, the state folder of another, and one that
// cannot be made.
func TestStateOfOthers(t *testing.T) {
	if state := os.Getenv("TEST_STATE"); state != "" {
		_, err := Open(t.Context(), Options{State: state})
		fmt.Println(err)
		return
	}
	if os.Getuid() != 0 {
		t.Skip("it takes root to be somebody else")
	}
	state, err := os.MkdirTemp("", "state-") // which nobody can get to, unlike t.TempDir
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(state) })
	if err := os.Chmod(state, 0o711); err != nil {
		t.Fatal(err)
	}
	open(t, state)
	program, err := os.ReadFile(os.Args[0])
	if err == nil {
		err = os.WriteFile(filepath.Join(state, "test"), program, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	for folder, want := range map[string]string{state: "cannot lock state folder: ", filepath.Join(state, "new"): "cannot make state folder: "} {
		cmd := exec.Command(filepath.Join(state, "test"), "-test.run=^TestStateOfOthers$")
		cmd.Dir, cmd.Env = "/", []string{"TEST_STATE=" + folder}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		out, _ := cmd.CombinedOutput() // an exit status says nothing here
		if text := string(out); !strings.Contains(text, want) || !strings.Contains(text, "be root or the user whose it is") {
			t.Errorf("%s: it said %q, want %q and what to do", folder, text, want)
		}
	}
}

// TestDamagedStream: a stream that cannot be recovered is never replaced by an
// empty one.
func TestDamagedStream(t *testing.T) {
	for _, file := range []string{"meta.inf", "meta.sum"} {
		t.Run(file, func(t *testing.T) {
			state := t.TempDir()
			b := open(t, state)
			if _, err := b.PublishAll(t.Context(), message("x")); err != nil {
				t.Fatal(err)
			}
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(streamFolder(t, state, Journal), file)
			if err := os.WriteFile(path, []byte("damaged"), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Open(t.Context(), Options{State: state})
			if err == nil || !strings.Contains(err.Error(), "store is damaged: stream JOURNAL") || !strings.Contains(err.Error(), "checksums do not match") {
				t.Errorf("Open returned %v", err)
			}
			if data, readErr := os.ReadFile(path); readErr != nil || string(data) != "damaged" {
				t.Errorf("what was damaged was changed to %q, %v", data, readErr)
			}
		})
	}
}

// TestStreamsMadeAnew: logs are not worth standing still for, and a journal
// without a single message may be what a crash left of making it.
func TestStreamsMadeAnew(t *testing.T) {
	for _, tt := range []struct {
		stream, subject string
		messages        int
	}{{Logs, "l.R1.0", 3}, {Journal, "j.R1.res", 0}} {
		t.Run(tt.stream, func(t *testing.T) {
			state := t.TempDir()
			m := message("x")
			m.Subject = tt.subject
			b := open(t, state)
			for range tt.messages {
				if _, err := b.PublishAll(t.Context(), m); err != nil {
					t.Fatal(err)
				}
			}
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
			if err := os.Remove(filepath.Join(streamFolder(t, state, tt.stream), "meta.inf")); err != nil {
				t.Fatal(err)
			}
			if _, err := open(t, state).PublishAll(t.Context(), m); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestLeasesOfEarlierVersion: keys of the bucket of leases go after the time of
// this version.
func TestLeasesOfEarlierVersion(t *testing.T) {
	state := t.TempDir()
	b := open(t, state)
	earlier := jetstream.KeyValueConfig{Bucket: Lease, Storage: jetstream.FileStorage, TTL: time.Second}
	if _, err := b.JetStream().UpdateKeyValue(t.Context(), earlier); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	kv, err := open(t, state).Bucket(t.Context(), Lease)
	if err != nil {
		t.Fatal(err)
	}
	if status, err := kv.Status(t.Context()); err != nil || status.TTL() != LeaseTime {
		t.Errorf("keys go after %v, want %v: %v", status.TTL(), LeaseTime, err)
	}
}

// TestStreamsOfEarlierVersion: what it had compressed can be read, and nothing more is.
func TestStreamsOfEarlierVersion(t *testing.T) {
	state := t.TempDir()
	b := open(t, state)
	earlier := b.Stream(Audit).CachedInfo().Config
	earlier.Compression = jetstream.S2Compression
	if _, err := b.JetStream().UpdateStream(t.Context(), earlier); err != nil {
		t.Fatal(err)
	}
	text := bytes.Repeat([]byte("publish "), 1000)
	if _, err := b.PublishAll(t.Context(), NewMessage("a.log", "1", text)); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	b = open(t, state)
	if is := b.Stream(Audit).CachedInfo().Config.Compression; is != jetstream.NoCompression {
		t.Errorf("the stream is compressed: %v", is)
	}
	if got, err := b.Last(t.Context(), Audit, "a.log"); err != nil || !bytes.Equal(got.Data, text) {
		t.Errorf("the message is %q, %v", got.Data, err)
	}
}

// TestFullDisk fills a real file system: the one who waits is told why, at once.
func TestFullDisk(t *testing.T) {
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=4m"); err != nil {
		t.Skipf("cannot mount a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, 0); err != nil {
			t.Error(err)
		}
	})
	b := open(t, filepath.Join(disk, "state"))
	stored := 0
	var err error
	for err == nil && stored < 100 {
		if _, err = b.PublishAll(t.Context(), message(strings.Repeat("x", 100_000))); err == nil {
			stored++
		}
	}
	if err == nil || !strings.Contains(err.Error(), "no space left on device") {
		t.Fatalf("after %d messages of 100 kB on a disk of 4 MiB: %v", stored, err)
	}
	if _, err := b.PublishAll(t.Context(), message("x")); err == nil || b.Failure() == nil {
		t.Errorf("a store that failed goes on: %v", err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	b = open(t, filepath.Join(disk, "state"))
	if n := count(t, b); n != uint64(stored) {
		t.Errorf("%d messages after opening again, %d were acknowledged", n, stored)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
}
