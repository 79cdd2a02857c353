package bus

// Subjects of what controllers and workers say to each other, besides the updates
// of tasks, for which each controller has an inbox.
const (
	taskSubject = "t." // + the rollout: hosts to be done, in the stream of tasks

	CapacitySubject        = "w.here"  // workers advertise what they have slots for
	CapacityRequestSubject = "w.where" // controllers ask for that
)

// TaskSubject returns the subject of a rollout's tasks.
func TaskSubject(rollout string) string { return taskSubject + rollout }
