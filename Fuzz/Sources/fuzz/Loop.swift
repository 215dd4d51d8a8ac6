import Dispatch
import Synchronization

/// Runs tasks on the thread that waits for them, since an input takes less time than a change of threads.
final class Loop: TaskExecutor {
    private let jobs = Mutex<[UnownedJob]>([])
    private let news = DispatchSemaphore(value: 0)
    private let done = Atomic(false)

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        jobs.withLock { $0.append(job) }
        news.signal()
    }

    /// Does `work`, one at a time, and comes back when it is done.
    func run(_ work: @escaping @Sendable () async -> Void) {
        done.store(false, ordering: .relaxed)
        Task(executorPreference: self) {
            await work()
            self.done.store(true, ordering: .releasing)
        }
        while !done.load(ordering: .acquiring) {
            news.wait()
            let job = jobs.withLock { $0.isEmpty ? nil : $0.removeFirst() }
            job?.runSynchronously(on: asUnownedTaskExecutor())
        }
    }
}
