package templates

// RoomPage is a room: one presents, the others follow. The page that is presented stands in a frame below a bar.
type RoomPage struct {
	Shell
	ID        string
	Href      string // what is presented now
	Presenter bool
	Link      string // the room's, whole
	Seq       int64
}

// RoomEnded says that a room is over.
type RoomEnded struct {
	Shell
}
