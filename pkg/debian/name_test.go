package debian

import "testing"

func TestValidatePackageName(t *testing.T) {
	for _, tt := range []struct{ name, want string }{
		{"shop-web", ""},
		{"libstdc++6", ""},
		{"0ad", ""},
		{"a.b", ""},
		{"", "empty"},
		{"a", "shorter"},
		{"Shop", "begin"},
		{"-shop", "begin"},
		{"shopWeb", `"W"`},
		{"shop_web", `"_"`},
		{"shop web", `" "`},
		{"../shop", "begin"},
		{"shop\nEssential: yes", `"\n"`},
		{"shöp", "contains"},
	} {
		checkError(t, tt.name, ValidatePackageName(tt.name), tt.want)
	}
}

func TestValidateArchitecture(t *testing.T) {
	for _, tt := range []struct{ name, want string }{
		{"amd64", ""},
		{"all", ""},
		{"kfreebsd-amd64", ""},
		{"any", "or all"},
		{"linux-any", "or all"},
		{"source", "or all"},
		{"", "empty"},
		{"x86_64", `"_"`},
		{"AMD64", "begin"},
		{"amd64 i386", `" "`},
	} {
		checkError(t, tt.name, ValidateArchitecture(tt.name), tt.want)
	}
}
