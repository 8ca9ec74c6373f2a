-- The timeline of the server on which the store was used last (database/timeline.h). Empty: none yet.
ALTER TABLE changes ADD COLUMN timeline TEXT NOT NULL DEFAULT '';
