package s3blob

import (
	"fmt"
	"strings"
	"testing"

	"github.com/opentcb/opentcb/internal/testserver"
)

func TestParseURL(t *testing.T) {
	for text, want := range map[string]Config{
		"s3://bucket":                                                 {Bucket: "bucket"},
		"s3://bucket/":                                                {Bucket: "bucket"},
		"s3://bucket/a/b/":                                            {Bucket: "bucket", Prefix: "a/b"},
		"s3://b.c-1/p?region=eu-west-1":                               {Bucket: "b.c-1", Prefix: "p", Region: "eu-west-1"},
		"s3://bucket?endpoint=https://s3.de:8/":                       {Bucket: "bucket", Endpoint: "s3.de:8"},
		"s3://bucket?endpoint=http://127.0.0.1":                       {Bucket: "bucket", Endpoint: "127.0.0.1", PathStyle: true, Insecure: true},
		"s3://bucket?endpoint=http://[::1]:9000":                      {Bucket: "bucket", Endpoint: "[::1]:9000", PathStyle: true, Insecure: true},
		"s3://bucket?path-style=false&endpoint=http://localhost:9000": {Bucket: "bucket", Endpoint: "localhost:9000", Insecure: true},
		"s3://bucket?path-style=true&endpoint=https://ceph.example":   {Bucket: "bucket", Endpoint: "ceph.example", PathStyle: true},
		"s3://KEY:a%2Fb%2Bc%40d@bucket/p":                             {Bucket: "bucket", Prefix: "p", AccessKey: "KEY", SecretKey: "a/b+c@d"},
	} {
		got, err := ParseURL(text)
		if err != nil || !sameConfig(got, want) {
			t.Errorf("%s: %#v, %v", text, got, err)
		}
		again, err := ParseURL(got.String())
		again.AccessKey, again.SecretKey = got.AccessKey, got.SecretKey
		if err != nil || !sameConfig(again, got) {
			t.Errorf("%s: %s is %#v, %v", text, got, again, err)
		}
	}
}

func sameConfig(a, b Config) bool {
	return a.String() == b.String() && a.AccessKey == b.AccessKey && a.SecretKey == b.SecretKey
}

// TestFaultsOfURL wants each fault told with what to do, and never the text.
func TestFaultsOfURL(t *testing.T) {
	for text, want := range map[string]string{
		"":                                "begins with s3://",
		"file:///tmp":                     "begins with s3://",
		"s3:bucket":                       "begins with s3://",
		"s3:///prefix":                    "BUCKET has",
		"s3://Bucket":                     "BUCKET has",
		"s3://ab":                         "BUCKET has",
		"s3://bucket:80":                  "no port",
		"s3://bucket#SECRET":              "no #",
		"s3://bucket/a//b":                "between the slashes",
		"s3://bucket/../b":                "between the slashes",
		"s3://bucket/a%20b":               "PREFIX has",
		"s3://SECRET@bucket":              "access key and secret key",
		"s3://:SECRET@bucket":             "access key and secret key",
		"s3://KEY:@bucket":                "access key and secret key",
		"s3://KEY:SECRET/x@bucket":        "write / +",
		"s3://KEY:SECRET%zz@bucket":       "write / +",
		"s3://KEY:12/SECRET@bucket":       "no port",
		"s3://bucket?secret=SECRET":       "only endpoint, region",
		"s3://bucket?SECRET":              "only endpoint, region",
		"s3://bucket?a;b":                 "NAME=VALUE",
		"s3://bucket?region=":             "region is a name",
		"s3://bucket?region=a&region=b":   "region is given once",
		"s3://bucket?path-style=yes":      "true or false",
		"s3://bucket?endpoint=host:9000":  "endpoint is http://HOST",
		"s3://bucket?endpoint=ftp://host": "endpoint is http://HOST",
		"s3://bucket?endpoint=http://KEY:SECRET@host":   "endpoint is http://HOST",
		"s3://bucket?endpoint=http://host/SECRET":       "endpoint is http://HOST",
		"s3://bucket?endpoint=http://host:0":            "endpoint is http://HOST",
		"s3://bucket?endpoint=http://host:":             "endpoint is http://HOST",
		"s3://bucket?endpoint=http://":                  "endpoint is http://HOST",
		"s3://bucket?endpoint=http://host%3fx=SECRET":   "endpoint is http://HOST",
		"s3://bucket?endpoint=http://ho_st":             "endpoint is http://HOST",
		"s3://bucket?endpoint=http://KEY:SECRET%25zz@h": "endpoint is http://HOST",
	} {
		cfg, err := ParseURL(text)
		if err == nil || !strings.Contains(err.Error(), want) ||
			!strings.Contains(err.Error(), "the form is s3://BUCKET") || !sameConfig(cfg, Config{}) {
			t.Errorf("%s: %v, want %q", text, err, want)
		} else if strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: the text is repeated: %v", text, err)
		}
	}
	_, err := ParseURL("s3://B:1/a//b?endpoint=x&region=&path-style=&other=1")
	if err == nil || strings.Count(err.Error(), "; ") != 6 {
		t.Errorf("not every fault is told: %v", err)
	}
}

// TestURLOfServer opens what the URL of the tests' server says.
func TestURLOfServer(t *testing.T) {
	server := testserver.StartS3(t)
	cfg, err := ParseURL(server.URL(server.Bucket(), "p/q"))
	if err != nil {
		t.Fatal(err)
	}
	cfg.Cache = t.TempDir()
	openStore(t, server, cfg)
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		for _, shown := range []string{fmt.Sprintf(format, cfg), fmt.Sprintf(format, &cfg)} {
			if strings.Contains(shown, cfg.SecretKey) || strings.Contains(shown, cfg.AccessKey) {
				t.Errorf("%s shows keys: %s", format, shown)
			}
		}
	}
}

func TestRegion(t *testing.T) {
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_DEFAULT_REGION", "")
	for endpoint, want := range map[string]string{
		"":                                     "us-east-1",
		"127.0.0.1:9000":                       "us-east-1",
		"cos.ap-guangzhou.myqcloud.com":        "ap-guangzhou",
		"s3.eu-central-1.amazonaws.com":        "eu-central-1",
		"s3.cn-north-1.amazonaws.com.cn:443":   "cn-north-1",
		"cos.ap-guangzhou.myqcloud.com.evil.x": "us-east-1",
	} {
		if got := region(Config{Endpoint: endpoint}); got != want {
			t.Errorf("%s: %s, want %s", endpoint, got, want)
		}
	}
	t.Setenv("AWS_DEFAULT_REGION", "default-1")
	if got := region(Config{Endpoint: "s3.eu-central-1.amazonaws.com"}); got != "default-1" {
		t.Errorf("AWS_DEFAULT_REGION: %s", got)
	}
	t.Setenv("AWS_REGION", "env-1")
	if got := region(Config{}) + region(Config{Region: "mine"}); got != "env-1mine" {
		t.Errorf("AWS_REGION: %s", got)
	}
}

// FuzzParseURL wants that what is read is what is written again, and that a
// secret is neither written nor in any error.
func FuzzParseURL(f *testing.F) {
	f.Add("KEY", "SECRET", "bucket/p?endpoint=http://127.0.0.1:9000&path-style=true")
	f.Add("KEY", "SEC/RET", "bucket?region=x")
	f.Add("", "SECRET%zz", "b/../c?x=#y")
	f.Fuzz(func(t *testing.T, key, secret, rest string) {
		secret = "hush" + secret + "hush"
		cfg, err := ParseURL("s3://" + key + ":" + secret + "@" + rest)
		if err != nil {
			if strings.Contains(err.Error(), "hush") {
				t.Errorf("the secret is shown: %v", err)
			}
			return
		}
		if strings.Contains(cfg.String(), "hush") && !strings.Contains(rest, "hush") {
			t.Errorf("the secret is shown: %v", cfg)
		}
		again, err := ParseURL(cfg.String())
		if err != nil || again.String() != cfg.String() {
			t.Errorf("%s is read again as %s, %v", cfg, again, err)
		}
	})
}
