package main

import (
	"errors"
	"os"
	"strings"
)

// controlOrders are answers of about the real ones' size, for a bare server
// that stands in the real one's place.
func controlOrders(zip string) bareOrders {
	return bareOrders{Zip: zip, Answers: map[string]string{
		"/tcb/getcodesecret":       `{"errcode":0,"errmsg":"ok","codesecret":"` + strings.Repeat("A", 64) + `"}`,
		"/tcb/usecloudaccesstoken": `{"errcode":0,"errmsg":"ok","open":true,"api_whitelist":[],"version":2}`,
		"/tcb/downloadfunction": `{"errcode":0,"errmsg":"ok","url":"http://127.0.0.1:8080/` + strings.Repeat("a", 160) +
			`","checksum":"` + strings.Repeat("0", 64) + `"}`,
	}}
}

func makeZip(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(writeZip(file, largeZip), file.Close())
}
