// Package access says who may do what through the daemon: roles, and the tokens
// that stand for them.
//
// A token is shown once, when it is made. Kept is only its SHA-256: it is 128
// bits by chance, so that nobody can guess it from that, and a slow hash would
// protect nothing and cost each request.
package access
