package health

import "testing"

func TestJudge(t *testing.T) {
	unit := Probe{Kind: Unit, Target: "shop.service"}
	disk := Probe{Kind: Disk, Target: "/", MinFree: 1<<30 + 1}
	command := NewCommand("check")
	for _, tt := range []struct {
		got    Result
		ok     bool
		output string
	}{
		{JudgeUnit(unit, UnitState{Load: "loaded", Active: "active", Sub: "running"}), true, "is active (running)"},
		{JudgeUnit(unit, UnitState{Load: "loaded", Active: "reloading", Sub: "reload", Restarts: "2"}), true, "is reloading (reload), restarted 2 times"},
		{JudgeUnit(unit, UnitState{Load: "loaded", Active: "failed", Sub: "failed", Result: "exit-code", ExitStatus: "3", Restarts: "0", Said: "no \x1b database"}), false,
			`is failed (failed), result exit-code, exit status 3` + "\n" + `no \x1b database`},
		{JudgeUnit(unit, UnitState{Load: "not-found", Active: "inactive"}), false, "is not-found"},
		{JudgeUnit(unit, UnitState{Load: "masked", Active: "active"}), false, "is masked"},
		{JudgePackage(Probe{Kind: Package, Target: "shop"}, map[string]string{"shop": "1-1"}), true, "1-1 is installed"},
		{JudgePackage(Probe{Kind: Package, Target: "shop"}, nil), false, "is not installed, or only half"},
		{JudgeFree(disk, 1<<30+1), true, "1024 MiB are free, and must be 1025 MiB"},
		{JudgeFree(disk, 1<<30), false, "1024 MiB are free, and must be 1025 MiB"},
		{JudgeFree(NewMemory(1), 0), false, "0 MiB are free, and must be 1 MiB"},
		{JudgeCommand(command, 0, "well\n"), true, "well"},
		{JudgeCommand(command, 3, "bad\n"), false, "exited with 3\nbad"},
		{Late(command, "half\n"), false, "did not end within 5s\nhalf"},
	} {
		if tt.got.OK != tt.ok || tt.got.Output != tt.output || tt.got.Probe == "" {
			t.Errorf("got %+v, want %v and %q", tt.got, tt.ok, tt.output)
		}
	}
}
