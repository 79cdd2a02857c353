package hostjob

import (
	"embed"
	"path"
	"strings"
	"sync"
)

//go:embed scripts/*.sh
var scriptFiles embed.FS

// What runs on hosts. Start also follows, so that a short job costs one call.
var (
	startScript  = script("lease", "birth", "boot", "state", "start", "follow")
	followScript = script("lease", "birth", "boot", "state", "follow")
	workScript   = script("birth", "apt", "spec", "packages", "marks", "survey", "archives", "refresh", "repair", "install", "exact", "prefetch", "result", "work")
	planScript   = script("apt", "spec", "packages", "marks", "archives", "refresh", "install", "simulate", "holder", "plan")
	rebootScript = script("boot", "holder", "reboot")
)

// script returns what puts files of ours together into one script, when it is
// first asked for it: most commands run nothing on hosts. Comments stay behind:
// hosts log what sudo is asked to run.
func script(names ...string) func() string {
	return sync.OnceValue(func() string { return joined(names) })
}

func joined(names []string) string {
	var b strings.Builder
	for _, name := range names {
		text, err := scriptFiles.ReadFile(path.Join("scripts", name+".sh"))
		if err != nil {
			panic(err) // not embedded, which the first test finds
		}
		for line := range strings.Lines(string(text)) {
			if bare := strings.TrimLeft(line, "\t "); bare != "\n" && !strings.HasPrefix(bare, "#") {
				b.WriteString(bare)
			}
		}
	}
	return b.String()
}
