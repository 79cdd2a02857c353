package lazyregexp

import "testing"

func TestCompilesOnceWhenItIsUsed(t *testing.T) {
	digits := New(`^[0-9]+$`)
	if !digits().MatchString("42") || digits().MatchString("x") {
		t.Error("the expression does not match what it says")
	}
	if first := digits(); first != digits() {
		t.Error("it is compiled at each use")
	}
	wrong := New(`(`) // does not panic yet
	defer func() {
		if recover() == nil {
			t.Error("an expression that does not compile is none the less used")
		}
	}()
	wrong()
}
