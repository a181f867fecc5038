"""Networks of others that judge sound, as the field's benchmark of video-to-audio uses them; keys as published."""
