// Package wirescript plays wire scripts: text that looks like the HTTP it
// sends, and that a reader can hold against the specification of the wire.
//
// A script is one file, named after the last segment of the interface's path,
// or after what it is about.
// It begins with the world it plays in, a world file whose names are made anew
// for every case (so that cases never meet, even on a server in use): ${c1} is
// a platform, ${a1} a Mini Program, any other name an environment;
// ${secret c1} and ${refresh c1 a1} are their secrets. Then come the cases: a
// line with the clauses that the case proves, two spaces, a title; below it,
// indented by two, the steps.
//
//	world
//	  platforms:
//	    - {appid: "${c1}", secret: "${secret c1}"}
//
//	CS-1 CS-3  The key is answered, 64 characters
//
//	  POST /tcb/getcodesecret?access_token=${token c1 a1}
//	  => {"errcode":0,"errmsg":"ok","codesecret":"${key:[A-Za-z0-9+/]{64}}"}
//
// # Requests
//
// A request is a paragraph: a line METHOD and path (or a whole URL), header
// lines ("Name: value", an empty value takes a header away, "headers ${signed}"
// adds those that were signed), the body's lines, then the answer after "=>".
// A body that lines cannot show is written body "Go-quoted". A target in quotes,
// GET "/wxa\\x\x80?a=b", is sent byte for byte on a connection of its own, and so
// are the headers below it, the same name more than once if it is written so;
// the body has its length unless a header says how it ends.
//
// # Answers
//
// After "=>" a status (200 where none is written) and one of
//
//	{"json":"pattern"}              exactly these members in any order; ... admits others
//	fails 40014 invalid access_token
//	fails 40097 invalid args: version 2 is older than 6
//	fails 40101 missing parameter: /env/
//	refused AuthFailure.SignatureFailure     an upload's failure
//	uploaded                                 an upload's success
//	broken                                   the answer breaks off
//
// or lines: "Name: pattern" (empty: the header is absent), body is, body has,
// body lacks, body empty, and a JSON pattern or a fails line last. A fails line is the whole
// envelope of EN-4: the two members, the code's own text, the detail as given
// (literal, or a regexp between slashes that has to match somewhere; anything
// or nothing where none is given), and a rid that is new and of now, kept as
// ${rid}. Every JSON answer is held to EN-2 as well, and no errmsg may show a
// secret that the case has met (EN-5). A line "or" begins another answer that
// will do.
//
// # Values
//
// ${name:regexp} in an answer keeps what it matches, ${:regexp} only matches.
// ${name} is a value of the world or kept before; ${v+2} an integer moved;
// ${base64 x} and ${sha256 x} functions; ${ticket c1}, ${component c1} and
// ${token c1 a1} the current ticket and live tokens, obtained through the real
// calls at first use and then kept; ${cloudbase test} is the token of an
// environment, obtained by the operator as its runtime does; ${scheme} is that of
// the target.
//
// # Other steps, one to a line
//
//	fresh                                  defaults are compared: only in a world of the case's own
//	let x = text | "quoted" | repeat 1000 "a" | zip:hello
//	check ${ticket} is ticket@@@${:.+}     compares a value; also: is not
//	each x in one | two                    the step below, once with each ${x}; the values
//	                                       may stand below too, one to a line, indented
//	each x in altered ${token}             every single-character alteration of a value
//	login c1 a1 18,49                      consent and query_auth: ${token c1 a1} is a new one
//	operator authorize ${c1} ${a1} 49 -> code
//	operator revoke ${c1} ${a1}
//	operator disable ${c1}                 a platform or Mini Program
//	operator enable ${c1}
//	operator ticket ${c1} -> ticket
//	operator token ${test} -> first        a new cloudbase_access_token
//	operator deploy ${test} hello zip:hello
//	operator apply                         a world file, indented below
//	clock +5m                              moves the server's clock
//	restart                                stops the server, starts it on the same data
//	peek log has ${rid}                    also: stored, metrics, audit; has, lacks
//	peek log lacks secrets                 none of those that the case has met
//	sign ${body} as c1 a1 -> signed        getuploadsignature over the exact bytes
//
// # The upstream
//
// Allowed cloud calls are forwarded to a real HTTP server, which is up and
// answers {"errcode":0,"errmsg":"upstream"} when a case begins.
//
//	upstream answers 503 {"busy":true}     from now on, with header lines below it, indented;
//	                                       200 broken {"a breaks off after that
//	upstream down | up                     refuses connections, takes them again
//	upstream saw POST /wxa/x?a=1           one request since the last look, of that method
//	                                       and target; below it, indented, header lines and
//	                                       body is, has, lacks, empty as in an answer
//	upstream saw nothing                   since the last look
//
// A line "upstream saw" directly below a request belongs to it: below an each it is
// done each time. No request that is seen may show a secret of the case. Trailers
// are seen as headers Trailer-Name, and Host as one.
//
// # Uploads
//
// The whole path of section 6, as a paragraph with an answer:
//
//	upload ${test} hello zip:hello as c1 a1
//	=> uploaded
//
// # Files
//
//	script.go        Script and Case, and Load
//	parse.go         lines, cases and steps
//	text.go          a line with its ${…}
//	jsonpattern.go   what a JSON value has to be
//	verbs.go         the steps of one line
//	each.go          each: a step with each of some values
//	request.go       a request with its answers, parsed and played
//	send.go          sends a request as an HTTP client does
//	raw.go           sends a request byte for byte
//	answer.go        what an answer has to be
//	failure.go       fails, refused and uploaded
//	upload.go        sign and upload
//	zips.go          the zips that scripts upload
//	operator.go      the operator's steps
//	upstream.go      the server that stands for the upstream
//	upstreamstep.go  what it answers and what it saw
//	credentials.go   tickets and tokens, obtained at first use
//	player.go        Player and its Target
//	run.go           one case being played: its values and secrets
//	interfaces.go    the interfaces: which only read, what of their answers is secret
//	clauses.go       the clauses, what proves them, and the page about it
package wirescript
