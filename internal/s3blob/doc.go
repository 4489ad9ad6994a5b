// Package s3blob is [blob.Store] in a bucket that speaks S3: AWS, COS, Ceph,
// SeaweedFS and their like. Any number of servers may share a bucket.
//
//	<prefix>/<first 2 hex>/<64 hex>   blobs
//	<prefix>/ping                     what Ping writes and reads
//
// An object is written by a single PUT, so that it is there whole or not at
// all. What is read from the bucket is written to a file in a local [blob.Dir]
// and verified before the first byte of it is given away. That folder is a
// cache: the next reader of the blob reads the same file, after a HEAD that
// finds out whether the bucket's object was replaced or removed. The copies
// that were used last are kept, up to 256 MiB.
//
//	store.go     Config and Store: opening, Ping, Close
//	url.go       s3://… as a Config
//	client.go    connections, credentials and the region
//	fault.go     what is wrong, and what to do
//	draft.go     a draft on its way to being a blob
//	open.go      a blob on its way out: fetched, verified, opened, or by a link to the bucket
//	cache.go     the local copies of verified blobs, and their eviction
//	collect.go   what collection of unreferenced code needs
package s3blob
