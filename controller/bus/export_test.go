package bus

// What the tests of clusters need of those inside the package: they use the rig
// of package bustest, which imports this one.
var (
	Awaits   = awaits
	Message  = message
	Count    = count
	NewAgent = newAgent
)

// Name returns the public key of an agent.
func (a agent) Name() string { return a.name }
