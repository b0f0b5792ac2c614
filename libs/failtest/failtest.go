// Package failtest checks that every method of an interface returns an error when it fails. It
// finds the methods by reflection, so it also calls those that the interface gets later.
package failtest

import (
	"context"
	"reflect"
	"slices"
	"testing"
)

// All calls every method of I that takes a context first and returns an error last, with ctx and
// with arguments that are not empty. The caller sees to it that none can succeed: ctx has ended, or
// what value needs is broken. All reports the methods that return no error, or one that allowed
// does not allow. It does not call those in except.
func All[I any](ctx context.Context, t *testing.T, value I, allowed func(error) bool, except ...string) {
	t.Helper()
	Each(ctx, t, value, func(method string, err error) {
		if err == nil || !allowed(err) {
			t.Errorf("%s, which cannot succeed, returns %v", method, err)
		}
	}, except...)
}

// Each calls the methods that All does, and then done with the name of each and what it returned.
func Each[I any](ctx context.Context, t *testing.T, value I, done func(method string, err error), except ...string) {
	t.Helper()
	v, methods := reflect.ValueOf(value), reflect.TypeFor[I]()
	called := 0
	for i := range methods.NumMethod() {
		m := methods.Method(i)
		if !takesContext(m.Type) || slices.Contains(except, m.Name) {
			continue
		}
		args := []reflect.Value{reflect.ValueOf(ctx)}
		for k := 1; k < m.Type.NumIn(); k++ {
			args = append(args, some(m.Type.In(k)))
		}
		called++
		call := v.MethodByName(m.Name).Call
		if m.Type.IsVariadic() {
			call = v.MethodByName(m.Name).CallSlice
		}
		out := call(args)
		err, _ := out[len(out)-1].Interface().(error)
		done(m.Name, err)
	}
	if called == 0 {
		t.Error("there is no method to call")
	}
}

func takesContext(f reflect.Type) bool {
	return f.NumIn() > 0 && f.In(0) == reflect.TypeFor[context.Context]() && f.NumOut() > 0 && f.Out(f.NumOut()-1) == reflect.TypeFor[error]()
}

// some returns a value of a type that is not empty; a function returns what is empty.
func some(of reflect.Type) reflect.Value {
	v := reflect.New(of).Elem()
	switch of.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	case reflect.Uint64:
		v.SetUint(1)
	case reflect.Slice:
		v.Set(reflect.Append(v, some(of.Elem())))
	case reflect.Map:
		v.Set(reflect.MakeMap(of))
		v.SetMapIndex(some(of.Key()), some(of.Elem()))
	case reflect.Pointer:
		v.Set(reflect.New(of.Elem()))
		v.Elem().Set(some(of.Elem()))
	case reflect.Struct:
		for i := range of.NumField() {
			if v.Field(i).CanSet() {
				v.Field(i).Set(some(of.Field(i).Type))
			}
		}
	case reflect.Func:
		v.Set(reflect.MakeFunc(of, func([]reflect.Value) []reflect.Value {
			out := make([]reflect.Value, of.NumOut())
			for i := range out {
				out[i] = reflect.Zero(of.Out(i))
			}
			return out
		}))
	}
	return v
}
