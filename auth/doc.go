// Package auth says who a client of a router is and what it may do.
//
// A router asks an Authenticator. A File is one, made of a text that names tokens, the
// identities that carriers prove by themselves, and rules:
//
//	# shows what                                    is what
//	token        thermo-1  sha256:5a1f…             sensor
//	token        ana       sha256:90cc…             operator
//	certificate  sig://plant/pump                   sensor
//	certificate  *                                  guest
//	user         1000                               operator
//	anonymous                                       guest
//
//	# who may do what, of which sender, which event or method
//	allow  sensor    add,trigger  sensor.{name}
//	allow  operator  any          >
//	deny   operator  request      pump.>  stop
//	allow  *         listen       weather.>
//
// # The file
//
// One thing a line, words divided by blanks. A line that begins with # is a comment, and
// so is what follows a # that stands alone. A word with blanks in it is put in double
// quotes, with the escapes of Go.
//
//   - token NAME HASH ROLE…: whoever shows the token is NAME. The file holds the token's
//     hash alone. Several tokens may have one name, so that one can replace another.
//   - certificate IDENTITY ROLE…: a client whose certificate says that it is IDENTITY, as
//     package carrier/tls explains; * stands for every certificate that the router's
//     authorities have signed.
//   - user UID ROLE…: a program of that user of this machine, over a Unix socket; * for
//     every user.
//   - anonymous ROLE…: whoever shows nothing. Without this line nobody may do without a
//     login. Peers that do not say hello cannot show a token: they need this line, or a
//     carrier that proves who they are.
//   - allow ROLE ACTIONS SENDER [NAME] and deny, likewise: ROLE is a role, or * for
//     everybody. ACTIONS are add (a sender of that name), trigger, listen, request,
//     divided by commas, or any. SENDER and NAME, of the event or method, are names or
//     patterns; without NAME all of them are meant, the built-in events too. A {name} in
//     them stands for the client's own name.
//
// What a deny matches is refused. Of the rest, what an allow matches is permitted, and
// everything else is refused; the order of the lines means nothing. Where there are no
// rules at all, whoever has logged in may do everything.
//
// # Why a plain hash
//
// A token is 256 random bits. There is no dictionary of those to try, so one round of
// SHA-256 keeps it as safe as a slow hash would, and a flood of logins costs the router
// little.
package auth
