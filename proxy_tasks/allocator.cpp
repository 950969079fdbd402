// The options of jemalloc, which it reads from this symbol of the program. Training takes the same large blocks again
// and again; an allocator that gives pages back in between spends most of the step on page faults (three times the
// time of an EvoNorm step with glibc's defaults).
//
// dirty_decay_ms 30000, muzzy_decay_ms 0: freed pages are kept for half a minute, though a step takes some hundredths
// of a second: they go little by little, and kept for ten seconds three times as many were cleared anew. Kept for good,
// free blocks are cut smaller and smaller: a search of 20 minutes held 24 GiB, of which it used 0.4. oversize_threshold
// 0: large blocks come from the thread's own arena too, so that threads share nothing. thp: large pages, worth 5 to 10%
// of a step (fewer TLB misses).
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf = "dirty_decay_ms:30000,muzzy_decay_ms:0,oversize_threshold:0,thp:always";
}
