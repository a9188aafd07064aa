module github.com/sigrouter/sigrouter/contrib/mdns

go 1.26.0

replace github.com/sigrouter/sigrouter => ../..

require (
	github.com/hashicorp/mdns v1.0.7
	github.com/sigrouter/sigrouter v0.0.0-00010101000000-000000000000
	github.com/stretchr/testify v1.12.1
)

require (
	github.com/gorilla/websocket v1.5.3 // indirect
	github.com/miekg/dns v1.1.72 // indirect
	go.bug.st/serial v1.8.0 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/mod v0.31.0 // indirect
	golang.org/x/net v0.48.0 // indirect
	golang.org/x/sync v0.19.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/tools v0.40.0 // indirect
)
