package auth_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/sigrouter/sigrouter/auth"
	"github.com/sigrouter/sigrouter/carrier"
)

// A file says who may log in and what they may do. Hand it to a server as
// router.ServerOptions.Login, or later to its SetLogin.
func ExampleParse() {
	token, hash := auth.NewToken() // the client gets the token, the file the hash
	line, err := auth.TokenLine("thermo-1", hash, "sensor")
	if err != nil {
		fmt.Println(err)
		return
	}
	file, err := auth.Parse("tokens", strings.NewReader(line+`
anonymous                      guest
allow  sensor  add,trigger     sensor.{name}
allow  guest   listen          sensor.>
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	who, err := file.Authenticate(context.Background(), token, carrier.Info{})
	fmt.Println(who.Name, err)
	fmt.Println(who.Rights.May(auth.Add, "sensor.thermo-1", ""), who.Rights.May(auth.Add, "sensor.thermo-2", ""))
	fmt.Println(who.Rights.Check(auth.Listen, "sensor.thermo-2", "temperature"))

	_, err = auth.Parse("tokens", strings.NewReader("alow * listen >\n"))
	fmt.Println(err)
	// Output:
	// thermo-1 <nil>
	// true false
	// not permitted to listen to event "temperature" of sender "sensor.thermo-2"
	// tokens:1: a line begins with token, certificate, user, anonymous, allow or deny, not with "alow"
}
