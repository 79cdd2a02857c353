package main

import (
	"context"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/mlkem"
	"crypto/rand"
	"fmt"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// arithmetic is the CPU time of what an SSH client cannot do without in one
// connection: the key exchange with X25519 (alone, and joined with ML-KEM-768),
// the check of an Ed25519 host key, the signature with an Ed25519 key.
type arithmetic struct {
	keygen, agree, verify, sign time.Duration
	kemKeygen, kemDecapsulate   time.Duration
}

// classic is the floor of a connection with curve25519-sha256.
func (a arithmetic) classic() time.Duration { return a.keygen + a.agree + a.verify + a.sign }

// postQuantum is the floor of a connection with mlkem768x25519-sha256.
func (a arithmetic) postQuantum() time.Duration {
	return a.classic() + a.kemKeygen + a.kemDecapsulate
}

// floor reports the arithmetic alone. It holds no claim.
func floor(_ context.Context, b *bench) error {
	a, err := measureArithmetic()
	if err != nil {
		return err
	}
	fmt.Fprintf(b.log, "floor of a connection's CPU: %v with curve25519-sha256 (X25519 %v and %v, Ed25519 verify %v, sign %v), %v with mlkem768x25519-sha256\n",
		a.classic(), a.keygen, a.agree, a.verify, a.sign, a.postQuantum())
	return nil
}

// measureArithmetic takes about two seconds of one core.
func measureArithmetic() (arithmetic, error) {
	curve := ecdh.X25519()
	mine, err1 := curve.GenerateKey(rand.Reader)
	theirs, err2 := curve.GenerateKey(rand.Reader)
	public, private, err3 := ed25519.GenerateKey(rand.Reader)
	kem, err4 := mlkem.GenerateKey768()
	for _, err := range []error{err1, err2, err3, err4} {
		if err != nil {
			return arithmetic{}, fmt.Errorf("cannot make a key: %w", err)
		}
	}
	_, sealed := kem.EncapsulationKey().Encapsulate()
	message := make([]byte, 32)
	signature := ed25519.Sign(private, message)
	// Results are dropped: the keys are known to be good, and only the time counts.
	return arithmetic{
		keygen:         cpuOf(func() { _, _ = curve.GenerateKey(rand.Reader) }),
		agree:          cpuOf(func() { _, _ = mine.ECDH(theirs.PublicKey()) }),
		verify:         cpuOf(func() { _ = ed25519.Verify(public, message, signature) }),
		sign:           cpuOf(func() { _ = ed25519.Sign(private, message) }),
		kemKeygen:      cpuOf(func() { _, _ = mlkem.GenerateKey768() }),
		kemDecapsulate: cpuOf(func() { _, _ = kem.Decapsulate(sealed) }),
	}, nil
}

// cpuOf returns the CPU time of one call of f: the median of seven stretches,
// each on one thread.
func cpuOf(f func()) time.Duration {
	const stretch, batch = 40 * time.Millisecond, 8
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	f()
	var each []time.Duration
	for range 7 {
		calls, start := 0, threadCPU()
		for threadCPU()-start < stretch {
			for range batch {
				f()
			}
			calls += batch
		}
		each = append(each, (threadCPU()-start)/time.Duration(calls))
	}
	slices.Sort(each)
	return each[len(each)/2]
}

// threadCPU is the calling thread's user and system time.
func threadCPU() time.Duration {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &usage); err != nil {
		return 0 // EFAULT and EINVAL only (getrusage(2)), which neither argument can be
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
