package s3blob

import (
	"cmp"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

const (
	dialTime = 2 * time.Second
	// clientTries is how often the client sends a request without a body whose
	// connection broke or that the bucket was too busy for, within our patience.
	clientTries = 2
	awsEndpoint = "s3.amazonaws.com"
)

func newTransport(cfg Config) *http.Transport {
	dial := cfg.dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: dialTime, KeepAlive: 15 * time.Second}).DialContext
	}
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         dial,
		TLSHandshakeTimeout: 3 * time.Second,
		MaxIdleConnsPerHost: 32,
		IdleConnTimeout:     30 * time.Second,
		// Bytes are hashed as they are stored, so nobody unpacks them.
		DisableCompression: true,
	}
}

func newClient(cfg Config, transport http.RoundTripper) (*minio.Client, error) {
	creds, err := findCredentials(cfg)
	if err != nil {
		return nil, err
	}
	lookup := minio.BucketLookupDNS
	if cfg.PathStyle {
		lookup = minio.BucketLookupPath
	}
	return minio.New(cmp.Or(cfg.Endpoint, awsEndpoint), &minio.Options{
		Creds:        creds,
		Secure:       !cfg.Insecure,
		Transport:    transport,
		Region:       region(cfg),
		BucketLookup: lookup,
		MaxRetries:   clientTries,
	})
}

// findCredentials returns those of cfg, or those of the first of the usual
// places that has some.
func findCredentials(cfg Config) (*credentials.Credentials, error) {
	if cfg.AccessKey != "" || cfg.SecretKey != "" {
		if cfg.AccessKey == "" || cfg.SecretKey == "" {
			return nil, errHalfCredentials
		}
		return credentials.NewStaticV4(cfg.AccessKey, cfg.SecretKey, ""), nil
	}
	places := []credentials.Provider{&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}}
	if !strings.EqualFold(os.Getenv("AWS_EC2_METADATA_DISABLED"), "true") {
		places = append(places, &credentials.IAM{Client: roleClient()})
	}
	creds := credentials.NewChainCredentials(places)
	// The chain ends with empty credentials, with which every later request
	// would be refused without a reason.
	if v, err := creds.GetWithContext(nil); err != nil || v.AccessKeyID == "" {
		return nil, errNoCredentials
	}
	return creds, nil
}

// roleClient returns a client that asks the machine or container for its role.
// Elsewhere nothing answers at that address. It keeps no connections.
func roleClient() *http.Client {
	return &http.Client{
		Timeout: 3 * time.Second,
		Transport: &http.Transport{
			DisableKeepAlives: true,
			DialContext:       (&net.Dialer{Timeout: time.Second}).DialContext,
		},
	}
}

// inEndpoint finds the region in the names of COS's and AWS's endpoints.
var inEndpoint = regexp.MustCompile(`^(?:cos\.([a-z0-9-]+)\.myqcloud\.com|` +
	`s3[.-]([a-z]+-[a-z-]+-[0-9])\.amazonaws\.com(?:\.cn)?)(?::[0-9]+)?$`)

// region returns what requests are signed for. It never asks the bucket, which
// would take a request and a permission.
func region(cfg Config) string {
	named := ""
	if m := inEndpoint.FindStringSubmatch(cfg.Endpoint); m != nil {
		named = m[1] + m[2]
	}
	return cmp.Or(cfg.Region, os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION"), named, "us-east-1")
}
