package server

import "encoding/json"

// Object is one thing as the commands print it with --json, its "type" included.
type Object = json.RawMessage
