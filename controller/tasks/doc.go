// Package tasks lets other machines do the work on hosts: a controller's Desk hands
// tasks out, and a Worker does them.
//
// A task is one step on one host. It names a rollout of the journal and carries no
// command, so that whoever could put a task into the queue could at most have done
// what somebody has approved. The controller decides and journals as it does alone;
// a worker reads the plan, runs the step with its own keys and says how it ended.
//
// Tasks lie in a work queue of the bus, of which a worker takes one for each free
// hand. It asks the desk that wrote the task whether it still waits, and the journal
// whether the rollout is still that controller's, before it does anything; and goes
// on asking while it works. It takes the task out of the queue once its answer has
// arrived. So, when
//   - a worker dies, the queue gives its task to another one after a while, which
//     attaches to the job that runs on the host;
//   - a controller dies, the next one hands the step out anew, and the answer to the
//     first task is nobody's;
//   - nobody begins, or nothing is heard any more, the controller does the step
//     itself, and attaches likewise.
//
// Workers tell all desks what hands they have, and for which desk each is at work. So
// several controllers share them, and each does itself at once what nobody has a hand
// for. Two may still hand out at the same moment what only one of them can have done:
// the other one's task is taken back where nobody begins it.
//
// The host is the arbiter in all of these: a step is one job there, whoever looks.
package tasks
