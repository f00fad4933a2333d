//! What a recorded history of sends, effects and replies proves.
