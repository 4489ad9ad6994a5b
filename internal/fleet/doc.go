// Package fleet brings many Mini Programs to what a file says: the switch, the
// whitelist and the code of their environments. It compares before it changes,
// does each Mini Program on one worker, repeats what may pass, and keeps a
// journal, so that a run that was broken off can go on.
package fleet
