import Synchronization

/// Runs the tasks of one simulated process, first come, first served, when the driver says so.
///
/// Everything under a task with this preference runs on the driver's thread, so that the order of all steps follows from
/// the seed alone.
final class StepExecutor: TaskExecutor {
    private struct State {
        var jobs: [UnownedJob] = []
        var first = 0
    }

    private let state = Mutex(State())

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        state.withLock { $0.jobs.append(job) }
    }

    /// Whether a task has something to do.
    var hasWork: Bool { state.withLock { $0.first < $0.jobs.count } }

    /// Runs the oldest job up to its next suspension; false where there is none.
    func runNext() -> Bool {
        let job: UnownedJob? = state.withLock { state in
            guard state.first < state.jobs.count else { return nil }
            defer {
                state.first += 1
                if state.first == state.jobs.count {
                    state.jobs.removeAll(keepingCapacity: true)
                    state.first = 0
                }
            }
            return state.jobs[state.first]
        }
        guard let job else { return false }
        job.runSynchronously(on: asUnownedTaskExecutor())
        return true
    }
}
