package sqlitedb

import (
	"database/sql/driver"
	"fmt"

	"modernc.org/sqlite"
)

// Function gives queries a function of one text, by a name that no other has. It panics where that
// is not possible. It is for the init of a package: connections know it that are opened afterwards.
func Function(name string, f func(text string) string) {
	err := sqlite.RegisterDeterministicScalarFunction(name, 1, func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
		text, ok := args[0].(string)
		if !ok {
			return nil, fmt.Errorf("%s takes a text", name)
		}
		return f(text), nil
	})
	if err != nil {
		panic(err)
	}
}
