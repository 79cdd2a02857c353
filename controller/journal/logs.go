package journal

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"slices"
	"strconv"

	"github.com/nats-io/nats.go"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
)

// logShards is the number of subjects that a rollout's logs are spread over: a
// subject a host would cost memory for ever, and one for all would make a
// reader of one host's log go through everybody's.
const logShards = 64

// chunk is the largest piece of a log in one message, in bytes.
const chunk = 256 << 10

// wireLog is a piece of a job's log as it is stored.
type wireLog struct {
	Host   inventory.HostName `json:"h"`
	Job    string             `json:"j"`
	Offset int64              `json:"o"`
	Data   []byte             `json:"d"`
}

// JobLog is the log of one job on a host.
type JobLog struct {
	Job  string // what it was called when it was written
	Data []byte
	Gaps int // places where bytes are missing: the host has them
}

func logSubject(id rollout.ID, host inventory.HostName) string {
	h := fnv.New32a()
	_, _ = io.WriteString(h, string(host)) // a hash takes everything
	return "l." + string(id) + "." + strconv.Itoa(int(h.Sum32()%logShards))
}

// LogWriter returns a writer that keeps what a job on a host says. offset is
// where in the job's log the first byte written belongs: whoever attaches to a
// running job goes on there, or writes from 0 again; bytes that come twice are
// kept once. The writer is not for concurrent use.
//
// Logs are not synced at once: a power cut may lose the last of them here.
func (j *Journal) LogWriter(ctx context.Context, id rollout.ID, host inventory.HostName, job string, offset int64) io.Writer {
	return &logWriter{ctx: ctx, bus: j.bus, subject: logSubject(id, host), next: wireLog{Host: host, Job: job, Offset: offset}}
}

type logWriter struct {
	ctx     context.Context // io.Writer has no place for it
	bus     *bus.Bus
	subject string
	next    wireLog // Data is empty between writes
}

// Write stores p and returns once the server has it.
func (w *logWriter) Write(p []byte) (int, error) {
	written := 0
	for part := range slices.Chunk(p, chunk) {
		w.next.Data = part
		data, err := json.Marshal(w.next)
		if err != nil {
			return written, fmt.Errorf("%s: cannot encode log: %w", w.next.Host, err)
		}
		if _, err := w.bus.PublishAll(w.ctx, &nats.Msg{Subject: w.subject, Data: data}); err != nil {
			return written, fmt.Errorf("%s: cannot store log: %w", w.next.Host, err)
		}
		w.next.Offset += int64(len(part))
		written += len(part)
	}
	return written, nil
}

// Logs returns what the jobs of a rollout said on one host, in the order in
// which the jobs first wrote.
func (j *Journal) Logs(ctx context.Context, id rollout.ID, host inventory.HostName) ([]JobLog, error) {
	pieces, err := j.pieces(ctx, id, host)
	if err != nil {
		return nil, fmt.Errorf("cannot read log of %s in %s: %w", host, id, err)
	}
	var jobs []string
	byJob := map[string][]wireLog{}
	for _, p := range pieces {
		if _, seen := byJob[p.Job]; !seen {
			jobs = append(jobs, p.Job)
		}
		byJob[p.Job] = append(byJob[p.Job], p)
	}
	logs := make([]JobLog, len(jobs))
	for i, job := range jobs {
		logs[i] = assemble(job, byJob[job])
	}
	return logs, nil
}

// assemble puts the pieces of a log together, those that overlap once.
func assemble(job string, pieces []wireLog) JobLog {
	slices.SortStableFunc(pieces, func(a, b wireLog) int { return cmp.Compare(a.Offset, b.Offset) })
	log := JobLog{Job: job}
	var end int64
	for _, p := range pieces {
		stop := p.Offset + int64(len(p.Data))
		if stop <= end {
			continue
		}
		if p.Offset > end {
			log.Gaps++
			end = p.Offset
		}
		log.Data = append(log.Data, p.Data[end-p.Offset:]...)
		end = stop
	}
	return log
}

// pieces returns the stored pieces of a host's logs, in the order of storing.
func (j *Journal) pieces(ctx context.Context, id rollout.ID, host inventory.HostName) ([]wireLog, error) {
	var pieces []wireLog
	for s, err := range j.bus.Present(ctx, bus.Logs, logSubject(id, host)) {
		if err != nil {
			return nil, err
		}
		var p wireLog
		if err := json.Unmarshal(s.Data, &p); err != nil {
			return nil, fmt.Errorf("cannot decode sequence %d: %w", s.Sequence, err)
		}
		if p.Host == host {
			pieces = append(pieces, p)
		}
	}
	return pieces, nil
}
