package bus

// Subjects of what controllers and workers say to each other, besides the answers
// to a controller, which has an inbox for them.
const (
	taskSubject = "t." // + the rollout: hosts to be done, in the stream of tasks

	HereSubject  = "w.here"  // workers tell that they are there, and what they have hands for
	WhereSubject = "w.where" // controllers ask who is there
)

// TaskSubject returns the subject of a rollout's tasks.
func TaskSubject(rollout string) string { return taskSubject + rollout }
