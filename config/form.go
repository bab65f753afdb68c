package config

import "reflect"

// Form is what a value is by the Go type of its field.
type Form struct {
	Kind FormKind
	Of   *Form // of a list's items and a map's values
}

// FormKind is the kind of a Form.
type FormKind int

// The kinds of forms.
const (
	FormAnything FormKind = iota
	FormText
	FormBool
	FormNumber
	FormList
	FormMap  // names of any sort, each with a value
	FormKeys // the keys of a struct
)

func formOf(t reflect.Type) Form {
	of := func(kind FormKind, t reflect.Type) Form {
		inner := formOf(t)
		return Form{kind, &inner}
	}
	switch {
	case t == valueType:
		return Form{Kind: FormAnything}
	case t == secretType:
		return Form{Kind: FormText}
	case isOrderedMap(t):
		return of(FormMap, t.Elem().Field(1).Type)
	case t.Kind() == reflect.Pointer:
		return formOf(t.Elem())
	case reflect.PointerTo(t).Implements(decoderType):
		return Form{Kind: FormText} // a word that has a meaning
	}
	switch t.Kind() {
	case reflect.Slice:
		return of(FormList, t.Elem())
	case reflect.Struct:
		return Form{Kind: FormKeys}
	case reflect.Bool:
		return Form{Kind: FormBool}
	case reflect.Int, reflect.Int64, reflect.Float64:
		return Form{Kind: FormNumber}
	}
	return Form{Kind: FormText}
}
