// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Hooks;

/// <summary>
/// /etc/libvirt/hooks/qemu.d/hikae: called by libvirt, which waits for it.
/// </summary>
/// <remarks>
/// It must not call libvirt (libvirt is waiting for us) and must answer in milliseconds. Its exit status decides over
/// the guest: non-zero at "prepare", "start" or "started" cancels the boot, at "migrate" (on the host a guest comes to) the migration, at "reconnect" it kills the running guest.
/// So a guest we do not protect, and an operation we do not know, always get 0. It never writes to stdout: at "restore"
/// and "migrate" that would replace the guest's XML.
/// </remarks>
internal sealed class QemuHook(IStartPermission permission, ISidecarUnits units, ReleaseReasons reasons, TextWriter trouble)
{
    internal const int Proceed = 0;
    internal const int Refuse = 1;

    /// <summary>In bytes. The metadata stands near the front of a domain's XML; what comes after the limit is devices.</summary>
    internal const int MaxInput = 1 << 20;

    internal int Run(HookCall call, Stream domainXml)
    {
        // Other operations never ask for the XML: libvirt does not mind that nobody reads it.
        if (call.Operation is not ("migrate" or "prepare" or "started" or "release"))
        {
            return Proceed;
        }

        DomainScan domain = DomainScan.Of(BoundedInput.Read(domainXml, MaxInput));
        if (!domain.IsAnnotated || domain.IsIncoming)
        {
            return Proceed;
        }

        if (domain.Uuid is not string uuid)
        {
            trouble.WriteLine($"hikae: guest {call.Guest} has no valid uuid in its XML, so it is not protected");
            return Proceed;
        }

        switch (call.Operation)
        {
            case "migrate":
                return Answer(call.Guest, () => permission.WhyNotMigrate(call.Guest, uuid));
            case "prepare":
                return Answer(call.Guest, () => permission.WhyNot(call.Guest, uuid));
            case "started":
                reasons.Forget(uuid); // of an earlier life
                units.Start(uuid);
                return Proceed;
            default:
                reasons.Write(uuid, call.Reason); // before Stop: the sidecar reads it when it is told to go
                units.Stop(uuid);
                return Proceed;
        }
    }

    /// <summary>Whatever goes wrong while asking, nobody has permitted it.</summary>
    private int Answer(string guest, Func<string?> ask)
    {
        string? whyNot;
        try
        {
            whyNot = ask();
        }
        catch (Exception error)
        {
            whyNot = $"guest {guest} is protected by Hikae, and whether it is active on another host could not be asked: {error.Message}";
        }
        if (whyNot is not string reason)
        {
            return Proceed;
        }

        trouble.WriteLine($"hikae: {reason}");
        return Refuse;
    }
}
