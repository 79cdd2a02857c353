package bus

import "testing"

func FuzzParseNode(f *testing.F) {
	f.Add([]byte(`{"server":{"name":"a","ver":"2.15.2"},"data":{"config":{"sync_always":true},"meta_cluster":{"cluster_size":3}}}`))
	f.Add([]byte(`{"server":{"name":"a"},"data":{"disabled":true},"error":{"description":"x"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if n, err := parseNode(data); err == nil && n.Name == "" {
			t.Errorf("%q was read as %+v", data, n)
		}
	})
}
