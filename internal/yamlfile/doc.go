// Package yamlfile reads the YAML files that people write: world files, fleets
// and profiles. It reports every fault at once with its line, names the member
// that was probably meant, shows no secret, and refuses what one reader of YAML
// takes for a string and another for a boolean or a number. JSON is YAML and is
// read too, but for two escapes that the YAML library does not know and that
// are faults: `\/`, and a pair of `\u` for one character.
//
// A caller gives Parse a function for the whole file, which calls Members with
// a Field for each name that may stand there, and so on down:
//
//	err := yamlfile.Parse(data, "pets.yaml", func(n yamlfile.Node) {
//		n.Members("a file of pets", yamlfile.Optional("dogs", yamlfile.List(func(n yamlfile.Node) {
//			var d Dog
//			n.Members("a dog", yamlfile.Required("name", yamlfile.Text(&d.Name, nil)))
//			dogs = append(dogs, d)
//		})))
//	})
//
// A map of the package:
//
//	document.go   Parse: from bytes to the tree of one document
//	node.go       Node: mappings, lists, members that are unknown, repeated or missing
//	value.go      Text, Secret, Texts, Bool, Number: values and their types
package yamlfile
