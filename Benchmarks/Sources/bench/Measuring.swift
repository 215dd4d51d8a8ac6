import Glibc

/// Seconds of CPU time that this process, all its threads together, has used.
func processSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// Nanoseconds of a clock that never goes back; reading it costs some twenty.
@inline(__always)
func nanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// MiB of this process' own pages that are in memory now.
func residentMiB() -> Double {
    guard let file = fopen("/proc/self/statm", "r") else { return 0 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    guard fgets(&line, Int32(line.count), file) != nil else { return 0 }
    let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let fields = text.split(separator: " ").compactMap { Double($0) }
    guard fields.count > 1 else { return 0 }
    return fields[1] * Double(sysconf(Int32(_SC_PAGESIZE))) / 1_048_576
}

/// Gives memory that is no longer used back to the system, so that ``residentMiB()`` counts what is.
func returnFreeMemory() { malloc_trim(0) }

/// The value that `share` of `sorted` are not above, 0...1.
func quantile(_ sorted: [Double], _ share: Double) -> Double {
    guard !sorted.isEmpty else { return 0 }
    return sorted[min(sorted.count - 1, Int(share * Double(sorted.count)))]
}
