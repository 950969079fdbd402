// The options of jemalloc, which it reads from this symbol of the program. Training takes the same large blocks again
// and again; an allocator that gives pages back in between spends most of the step on page faults (three times the
// time of an EvoNorm step with glibc's defaults).
//
// dirty_decay_ms, muzzy_decay_ms −1: freed pages are kept for good. oversize_threshold 0: large blocks come from the
// thread's own arena too, so that threads share nothing. thp: large pages, worth 5 to 10% of a step (fewer TLB misses).
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf = "dirty_decay_ms:-1,muzzy_decay_ms:-1,oversize_threshold:0,thp:always";
}
