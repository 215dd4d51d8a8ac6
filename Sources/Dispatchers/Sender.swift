import Domain
import Templates

/// Carries messages of one channel to their receivers.
protocol Sender: Sendable {
    /// Makes one attempt at `message` and tells what happened; never throws, since every outcome is a row.
    ///
    /// Cancelling the task breaks the attempt off, with a failure of the class `shutdown`.
    func send(_ message: Message) async -> Attempt
}

extension Message {
    /// What a wrong kind of action is answered with; a row can only say so if the schema broke.
    var wrongChannel: Failure { Failure(.configuration, "the action is not of the delivery's channel", retry: .never) }

    /// What must not show in the attempt's row.
    var redactor: Redactor { Redactor(configuration.secrets.values) }
}
