// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Control;

namespace Hikae.Host.Metrics;

/// <summary>All numbers of one name.</summary>
/// <param name="Name">With the unit, seconds or bytes, at its end; counters end in _total.</param>
/// <param name="Type">How the numbers are to be read.</param>
/// <param name="Help">One sentence.</param>
/// <param name="Read">The numbers now.</param>
internal sealed record MetricFamily(string Name, MetricType Type, string Help, Func<HostFigures, IEnumerable<MetricSample>> Read)
{
    /// <summary>One number for the host.</summary>
    public static MetricFamily OfHost(string name, MetricType type, string help, Func<HostFigures, double> value) =>
        new(name, type, help, figures => [new MetricSample(value(figures))]);

    /// <summary>
    /// At most one number for each guest and role; none where it is null, and none of a guest whose sidecar is silent: a number from the past would look like one of today.
    /// </summary>
    public static MetricFamily OfGuest(string name, MetricType type, string help, Func<GuestStatus, double?> value) =>
        OfGuest(name, type, help, status => value(status) is double number ? [new MetricSample(number)] : []);

    /// <summary>Several numbers for each guest and role, told apart by labels of their own.</summary>
    public static MetricFamily OfGuest(string name, MetricType type, string help, Func<GuestStatus, IEnumerable<MetricSample>> values) =>
        new(name, type, help, figures => figures.Guests.Where(status => !status.Stale).SelectMany(status => Of(status, values(status))));

    /// <summary>As <see cref="OfGuest(string, MetricType, string, Func{GuestStatus, IEnumerable{MetricSample}})"/>, also of a guest whose sidecar is silent.</summary>
    public static MetricFamily OfAnyGuest(string name, MetricType type, string help, Func<GuestStatus, MetricSample> value) =>
        new(name, type, help, figures => figures.Guests.SelectMany(status => Of(status, [value(status)])));

    private static IEnumerable<MetricSample> Of(GuestStatus status, IEnumerable<MetricSample> samples) => samples.Select(sample => sample with
    {
        Labels = [("guest", status.Guest), ("uuid", status.Uuid.ToString()), ("role", Word(status.Role)), .. sample.Labels ?? []],
    });

    /// <summary>An enum's member as <c>hikae status</c> writes it.</summary>
    internal static string Word<TEnum>(TEnum value)
        where TEnum : struct, Enum => value.ToString().ToLowerInvariant();
}
