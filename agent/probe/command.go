package probe

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/aptfleet/aptfleet/pkg/health"
)

// grace is how long the output of a command is read after its end, where it
// left somebody behind who holds it open.
const grace = time.Second

// command runs a command, and stops it with all that it started when its time is
// over.
func command(ctx context.Context, p health.Probe) health.Result {
	said := &tail{most: health.MaxOutput}
	cmd := exec.CommandContext(ctx, p.Argv[0], p.Argv[1:]...)
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "HOME=/", "TMPDIR=" + os.TempDir()}
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = "/", said, said, grace
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return health.Late(p, said.String())
	case err == nil, errors.Is(err, exec.ErrWaitDelay) && cmd.ProcessState.Success():
		return health.JudgeCommand(p, 0, said.String())
	case errors.As(err, &exit) && exit.Exited():
		return health.JudgeCommand(p, exit.ExitCode(), said.String())
	default:
		return failed(p, err)
	}
}

// tail keeps the last bytes that were written to it. It is written to by one
// goroutine at a time, since a command's outputs share it.
type tail struct {
	most int
	kept []byte
}

func (t *tail) Write(data []byte) (int, error) {
	t.kept = append(t.kept, data[max(0, len(data)-t.most):]...)
	if over := len(t.kept) - t.most; over > 0 {
		t.kept = t.kept[:copy(t.kept, t.kept[over:])]
	}
	return len(data), nil
}

func (t *tail) String() string { return string(t.kept) }
