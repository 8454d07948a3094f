// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Harness.Ledger;

/// <summary>Everything all clients asked and were told. Any thread may add.</summary>
public sealed class History
{
    // guarded by _gate
    private readonly Lock _gate = new();
    private readonly List<Operation> _operations = [];

    /// <summary>How many operations there are so far.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _operations.Count;
            }
        }
    }

    /// <summary>All so far, in the order in which they were added: a client's own are in its order.</summary>
    public IReadOnlyList<Operation> Operations
    {
        get
        {
            lock (_gate)
            {
                return [.. _operations];
            }
        }
    }

    /// <summary>Notes an operation that was answered or given up.</summary>
    public void Add(Operation operation)
    {
        lock (_gate)
        {
            _operations.Add(operation);
        }
    }
}
