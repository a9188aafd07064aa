// Package schema describes Go types as payloads, and reads payloads into them strictly:
// a number that does not fit, a missing or an unknown member, a value outside the
// choices are each a Problem that says where it is, what was expected and what came.
//
// Package api reads the parameters of exposed methods with it and answers "describe" from
// it; generated code checks with it what it sends and what it receives.
//
// # How Go types appear
//
// As encoding/json writes them. Names of members come from json tags. A member may be
// left out when its field is a pointer, is tagged omitempty or omitzero, or has a
// default; all others must be there. Null stands for the zero value of pointers, slices, maps
// and interfaces, and is refused elsewhere. Further tags say more about a field:
//
//	type Search struct {
//		Text  string `json:"text" doc:"what to look for"`
//		Order string `json:"order" choices:"name,age" default:"name"`
//		Limit int    `json:"limit" min:"1" max:"100" default:"10"`
//	}
//
// Types that implement json.Unmarshaler or encoding.TextUnmarshaler read themselves. A
// string type with a method Choices() []string accepts only those.
package schema
