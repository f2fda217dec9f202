#pragma once

namespace embkit {

// Nanoseconds that a line of memory takes from one thread's core to the next one's: the least
// over some rounds in which the threads hand it round; 0 where that cannot be told within
// milliseconds. Between neighbouring cores it is 20 to 70, between those of different dies or
// sockets 100 to 200.
double line_transfer_ns(int num_threads);

}  // namespace embkit
