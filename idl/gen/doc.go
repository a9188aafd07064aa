// Package gen makes code and documents from interface files: a Go package, a JavaScript
// module with TypeScript types, an AsyncAPI document. The same files always give the
// same output, byte for byte.
package gen
