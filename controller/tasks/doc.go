// Package tasks is the work queue of a cluster: a controller's Dispatcher puts tasks
// into it, and Workers on other machines pull and do them.
//
// A task is one step on one host. It names a rollout of the journal and carries no
// command, so that whoever could put a task into the queue could at most have done
// what somebody has approved. The controller decides and journals as it does alone;
// a worker reads the plan, runs the step with its own keys and says how it ended.
//
// Tasks lie in a work queue of the bus, from which a worker pulls one for each free
// slot. Before it does anything it claims the task: it asks the dispatcher that sent
// it whether that still waits, and the journal whether the rollout is still that
// controller's. It goes on asking with each heartbeat while it works, and acks the
// task once its result has arrived. So, when
//   - a worker dies, the queue redelivers its task to another one after a while, which
//     attaches to the job that runs on the host;
//   - a controller dies, the next one dispatches the step anew, and the result of the
//     first task is nobody's;
//   - nobody claims the task, or its heartbeats end, the controller does the step
//     itself, and attaches likewise.
//
// Workers advertise their capacity to all dispatchers: their slots, and for which
// dispatcher each of those is busy. So several controllers share them, and each does
// itself at once what nobody has a slot for. Two may still dispatch at the same moment
// what only one of them can have done: the other one's task is withdrawn as soon as the
// worker advertises for whom it is busy.
//
// The host is the arbiter in all of these: a step is one job there, whoever looks.
package tasks
