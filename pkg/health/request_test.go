package health

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestRequest(t *testing.T) {
	sent := Request{Packages: []string{"shop-web", "libc6:amd64"}}
	data, err := sent.Encode()
	if err != nil || string(data) != `{"packages":["shop-web","libc6:amd64"]}` {
		t.Fatalf("Encode returned %s, %v", data, err)
	}
	got, err := DecodeRequest(data)
	if diff := cmp.Diff(sent, got); diff != "" || err != nil {
		t.Errorf("DecodeRequest returned %v\n%s", err, diff)
	}
	if got, err := DecodeRequest(nil); err != nil || len(got.Packages) != 0 {
		t.Errorf("nothing is read as %+v, %v", got, err)
	}
	for _, tt := range []struct{ data, want string }{
		{`{"run":["sh"]}`, `unknown field "run"`},
		{`{}{}`, "something follows it"},
		{`{"packages":["-x"]}`, "is not a package name"},
		{`{"packages":["shop:"]}`, "architecture"},
		{`{"packages":[` + strings.Repeat(`"shop",`, MaxWatched) + `"shop"]}`, "257 packages are more than 256"},
		{strings.Repeat(" ", MaxReport+1), "are the most"},
	} {
		if _, err := DecodeRequest([]byte(tt.data)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("DecodeRequest of %.40s returned %v, want %s", tt.data, err, tt.want)
		}
	}
	if _, err := (Request{Packages: []string{""}}).Encode(); err == nil {
		t.Error("Encode returned what DecodeRequest would refuse")
	}
}

func FuzzDecodeRequest(f *testing.F) {
	f.Add([]byte(`{"packages":["shop-web","libc6:amd64"]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := DecodeRequest(data)
		if err != nil {
			return
		}
		again, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if back, err := DecodeRequest(again); !cmp.Equal(r, back, cmpopts.EquateEmpty()) || err != nil {
			t.Errorf("it reads otherwise the second time: %+v, %v", back, err)
		}
	})
}
