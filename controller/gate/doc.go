// Package gate waits until a host is healthy after a rollout has been there.
//
// Well means: the versions that were installed are there, dpkg is done with all
// it began, and every probe of the host's health is green, all of that without
// a break for a time. A service that is alive but still the old one does not
// pass; neither does one that comes and goes.
//
// What a host looks like is told by reports, and who makes them is behind
// Reporter: agents, of which a gate hears at once, or Prober, which looks itself,
// over SSH, where no agent reports anything that counts. A gate only looks and
// keeps nothing: whoever resumes waits anew.
//
// Guard listens to hosts that have passed their gate, where agents report; Poller
// looks at them, where none does.
package gate
