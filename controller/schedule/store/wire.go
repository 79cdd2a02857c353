package store

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/controller/schedule"
)

// format is raised whenever a program that knows only the one before would
// misunderstand a record. Older ones stay readable for ever.
const format = 1

type wireRun struct {
	Format   int              `json:"format"`
	Schedule string           `json:"schedule"`
	Due      time.Time        `json:"due"`
	End      time.Time        `json:"end"`
	Manual   bool             `json:"manual,omitempty"`
	By       string           `json:"by"`
	Began    time.Time        `json:"began"`
	Ended    time.Time        `json:"ended,omitzero"`
	Outcome  schedule.Outcome `json:"outcome,omitempty"`
	Rollout  rollout.ID       `json:"rollout,omitempty"`
	Status   int              `json:"status,omitempty"`
	Text     string           `json:"text,omitempty"`
}

type wireSettings struct {
	Format   int       `json:"format"`
	Schedule string    `json:"schedule"`
	Paused   bool      `json:"paused,omitempty"`
	PausedBy string    `json:"paused_by,omitempty"`
	PausedAt time.Time `json:"paused_at,omitzero"`
	Since    time.Time `json:"since,omitzero"`
	Cron     string    `json:"cron,omitempty"`
}

func encodeRun(r schedule.Run) ([]byte, error) {
	return json.Marshal(wireRun{
		format, r.Schedule, r.Due, r.End, r.Manual, r.By, r.Began, r.Ended, r.Outcome, r.Rollout, r.Status, r.Text,
	})
}

func decodeRun(data []byte, revision uint64) (schedule.Run, error) {
	var w wireRun
	if err := decode(data, &w, &w.Format); err != nil {
		return schedule.Run{}, err
	}
	return schedule.Run{
		Schedule: w.Schedule, Due: w.Due, End: w.End, Manual: w.Manual, By: w.By, Began: w.Began, Ended: w.Ended,
		Outcome: w.Outcome, Rollout: w.Rollout, Status: w.Status, Text: w.Text, Revision: revision,
	}, nil
}

func encodeSettings(s schedule.Settings) ([]byte, error) {
	return json.Marshal(wireSettings{format, s.Schedule, s.Paused, s.PausedBy, s.PausedAt, s.Since, s.Cron})
}

func decodeSettings(data []byte, revision uint64) (schedule.Settings, error) {
	var w wireSettings
	if err := decode(data, &w, &w.Format); err != nil {
		return schedule.Settings{}, err
	}
	return schedule.Settings{
		Schedule: w.Schedule, Paused: w.Paused, PausedBy: w.PausedBy, PausedAt: w.PausedAt,
		Since: w.Since, Cron: w.Cron, Revision: revision,
	}, nil
}

// decode reads a record, whose format is found at at.
func decode(data []byte, into any, at *int) error {
	err := json.Unmarshal(data, into)
	if *at > format {
		return fmt.Errorf("cannot read a record of a schedule: it has format %d, and this program reads up to %d", *at, format)
	}
	if err != nil || *at < 1 {
		return fmt.Errorf("cannot read a record of a schedule: %.80q: %v", data, err)
	}
	return nil
}
