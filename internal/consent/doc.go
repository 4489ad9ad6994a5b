// Package consent is the consent page: where a platform sends a merchant to let it act
// for a Mini Program. It is HTML made by the server, which needs no JavaScript.
//
//	consent.go    Page: a visit, from its parameters to the redirect
//	form.go       what the form brings, and whether it is ours
//	redirect.go   where the page may lead, and how the code is added
//	texts.go      every text, in Chinese and English, and which of them
//	render.go     the page and its headers
//	page.html     its markup
//	page.css      its looks
//
// The rules (what a platform may ask for, who may consent) are package cloud's.
package consent
