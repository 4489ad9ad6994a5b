package server

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// secretName is what the things are called that only their holder knows, and
// what is derived from them.
var secretName = regexp.MustCompile(`(?i)(secret|ticket|token|signature|\bsig\b|mac\b|password|codesecret|refresh|sealed|key)`)

// comparing are the functions that compare byte by byte and stop at the first
// difference.
var comparing = regexp.MustCompile(`^(bytes|strings|slices)\.(Equal|EqualFold|Compare|HasPrefix|HasSuffix|Contains|Index)$`)

// harmless are comparisons of things with such names that are no secrets, and
// why.
var harmless = map[string]string{
	`p.Kind == tcb.EventTicket`:               "kinds of event",
	`p.Kind != tcb.EventTicket`:               "kinds of event",
	`c.kind == CloudbaseToken`:                "kinds of token",
	`c.kind != CloudbaseToken`:                "kinds of token",
	`cloud.KindOf(err) == cloud.InvalidToken`: "kinds of error",
	`cloud.KindOf(err) == cloud.TokenExpired`: "kinds of error",
	`x.Code == tcb.InvalidToken`:              "codes",
	`x.Code == tcb.TokenExpired`:              "codes",
	`x.Code == tcb.CloudTokenClosed`:          "codes",
	`strings.Contains(pair, token)`:           "both are the caller's own",
	`strings.Contains(j.path, j.token)`:       "both are the caller's own",
	`was == w.Ticket`:                         "the operator's own file, and what the operator gave before",
	`strings.Compare(a.Key, b.Key)`:           "names of variables, in order to sort them",
	`stored == sealed`:                        "encrypted forms, both made here",
	`auth.SecretID != grant.SecretID`:         "a key's public name, which stands in the header",
	`parts[1] != r.KeyID()`:                   "a key's public name",
	`len(key) != MasterKeyBytes`:              "lengths",
	`len(master) != MasterKeyBytes`:           "lengths",
	`len(value) != signatureBytes`:            "lengths",
	`strings.Contains(token, "/")`:            "the form of a path",
}

// mustCompare are the functions that check a secret. Each has to do so by hmac.Equal or subtle.ConstantTimeCompare.
var mustCompare = map[string]bool{
	"../seal CheckMAC": true, "../seal Verify": true, "../tc3 Verify": true,
	"../cloud checkTicket": true, "../cloud checkCodeSecret": true,
	"../admin Is": true, ". sameHash": true,
}

// TestSecretsInConstantTime reads the packages that see secrets. A secret is
// checked in constant time, and nothing that is named like one is compared in
// another way.
//
// Proves: CR-11
func TestSecretsInConstantTime(t *testing.T) {
	missing := map[string]bool{}
	for name := range mustCompare {
		missing[name] = true
	}
	unused := map[string]bool{}
	for text := range harmless {
		unused[text] = true
	}
	for _, dir := range []string{".", "../admin", "../cloud", "../seal", "../tc3"} {
		for _, file := range sources(t, dir) {
			eachFunction(t, file, func(name string, body *ast.BlockStmt) {
				if constantTime(body) {
					delete(missing, name)
				}
				for _, text := range comparisons(body) {
					delete(unused, text)
					if harmless[text] == "" {
						t.Errorf("%s compares %s", name, text)
					}
				}
			})
		}
	}
	for name := range missing {
		t.Errorf("%s does not compare in constant time", name)
	}
	for text := range unused {
		t.Errorf("the list of harmless comparisons has %s, which is not there", text)
	}
}

// sources are the files of a package but for its tests.
func sources(t *testing.T, dir string) []string {
	t.Helper()
	names, err := fs.Glob(os.DirFS(dir), "*.go")
	must(t, err)
	var files []string
	for _, name := range names {
		if !strings.HasSuffix(name, "_test.go") {
			files = append(files, strings.TrimPrefix(dir+"/"+name, "./"))
		}
	}
	return files
}

func eachFunction(t *testing.T, file string, do func(name string, body *ast.BlockStmt)) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	must(t, err)
	for _, decl := range parsed.Decls {
		if fn, ok := decl.(*ast.FuncDecl); ok && fn.Body != nil {
			do(filepath.Dir(file)+" "+fn.Name.Name, fn.Body)
		}
	}
}

// constantTime reports whether a function compares so.
func constantTime(body *ast.BlockStmt) (found bool) {
	ast.Inspect(body, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			switch types.ExprString(call.Fun) {
			case "hmac.Equal", "subtle.ConstantTimeCompare":
				found = true
			}
		}
		return true
	})
	return found
}

// comparisons are the comparisons of a function that mention a secret by its
// name, in any way but constant time.
func comparisons(body *ast.BlockStmt) (found []string) {
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BinaryExpr:
			isEquality := n.Op == token.EQL || n.Op == token.NEQ
			if isEquality && !isLiteral(n.X) && !isLiteral(n.Y) && isSecret(n.X, n.Y) {
				found = append(found, types.ExprString(n))
			}
		case *ast.CallExpr:
			if comparing.MatchString(types.ExprString(n.Fun)) && isSecret(n.Args...) {
				found = append(found, types.ExprString(n))
			}
		}
		return true
	})
	return found
}

// isLiteral reports whether an operand stands in the source, where no secret
// does: "" asks whether there is one.
func isLiteral(e ast.Expr) bool {
	_, ok := e.(*ast.BasicLit)
	return ok
}

// isSecret reports whether one of the operands is named like a secret.
func isSecret(operands ...ast.Expr) bool {
	return slices.ContainsFunc(operands, func(e ast.Expr) bool { return secretName.MatchString(types.ExprString(e)) })
}
